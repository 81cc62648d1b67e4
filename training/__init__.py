"""How the reader's weights are made from the cases; nothing here is part of the installed program."""
