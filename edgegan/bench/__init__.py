"""What an artifact costs: latency, memory, power; and the process that measures several side by side."""
