"""Memory, time and money: pure arithmetic."""
