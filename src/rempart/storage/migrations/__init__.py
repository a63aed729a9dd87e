"""Schema migrations: plain SQL files run in order by Django."""
