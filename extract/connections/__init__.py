"""What a connection needs: its secrets, its addresses, and which errors of a network last."""
