"""The formats that a file may have, one module each; `registry` knows them all."""
