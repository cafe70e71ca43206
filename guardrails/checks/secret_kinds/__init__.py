"""The kinds of secret that are looked for, a file for each field they come from."""
