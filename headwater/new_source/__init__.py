"""`headwater new-source`: from a file, or the address of one, to a source with its first delivery in history.

sample           what the publisher has, brought to this machine
look             its format and the options by which our own reader reads it, and its columns
encoding         the encodings in which a text may be
dialect          candidates of how a CSV is written
header           whether the names of columns are names
nested           where the records of a JSON or XML are
values           the datatype of a column, and the way in which its values are written
keys             the columns by which a record is told from all others
names            our names for its columns
file_names       the pattern of the names of its files, and the date in them
propose          all of that as the rows of the metadata
doubt            a guess that the sample does not prove; each of the above yields those of its own
proposal         what is proposed
proposal_doubts  the guesses about the source as a whole
ask              what a person is asked of it
write            the rows and the models, all of them or none
remove           the same taken away again
"""
