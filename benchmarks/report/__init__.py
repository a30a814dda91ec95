"""From stored results to statistics, tables and figures; reads the store only."""
