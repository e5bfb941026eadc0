"""What tests share: people and places, servers, walks through pages."""
