"""What callers use: submit jobs, look at them, wait for them."""
