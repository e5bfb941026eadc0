"""Due work: opening capsules, sending letters, rendering films. One process at a time does it in a data folder."""
