"""How words of other scripts are written in Latin letters, one module a script."""
