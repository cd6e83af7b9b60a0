"""The subcommands of `sluice`, one module each. They parse, call a flow or a room, and print; nothing else."""
