"""The command's subcommands: one file each, a twin of a library function."""
