"""What a job is shown as: the blocks of its task's plugin, or those that any result makes."""
