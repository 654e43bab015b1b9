"""Whatever the installed plug-ins of bioio read and no reader of ours does."""
