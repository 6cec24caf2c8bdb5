"""Reading a database: its connection, its queries, its values as text, and its rows in parts."""
