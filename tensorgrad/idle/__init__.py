"""What scripts switch on where they may, and what has little to do, or nothing, in one process on the CPU."""
