"""`headwater new-source`: from a file, or the address of one, to a source with its first delivery in history.

sample    what the publisher has, brought to this machine
look      its format and the options by which our own reader reads it, and its columns
dialect   candidates of how a CSV is written
nested    where the records of a JSON or XML are
values    the datatype of a column, and the way in which its values are written
keys      the columns by which a record is told from all others
names     our names for its columns, and the pattern and date of its name
propose   all of that as the rows of the metadata
ask       what a person is asked of it
write     the rows and the models, all of them or none
"""
