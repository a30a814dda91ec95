"""One trial: what it trains, carries on or takes over, tests, and writes to its folder."""
