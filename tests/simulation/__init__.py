"""
Thirty years in a minute: the real program, driven by one seed.

A life is a list of steps (`steps.py`): what people do (`people.py`), what the machine does (`machine.py`), and what goes
wrong meanwhile. The simulator owns time, the mail server's answers, the disk's errors and the moment of death. After
every step `promises.py` asks whether the promise still holds. The same seed gives the same life; a life that ends badly
is made shorter as long as it ends in the same way (`shrinking.py`).

`make simulate SEEDS=100 YEARS=30`, or `make simulate SEED=17`.
"""
