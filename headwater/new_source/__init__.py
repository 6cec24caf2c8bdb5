"""`headwater new-source`: from a file, or the address of one, to a source with its first delivery in history.

sample           a file of the publisher, on this machine
look             its format, the options of our reader, and its columns
encoding         the possible encodings of a text
dialect          the possible dialects of a CSV
header           doubts about the header
nested           the position of the records in a JSON or XML document
values           the datatype and the format of a column
keys             the columns that identify a record
names            target names for its columns
file_names       the pattern of the names of its files, and the date in them
propose          all of these as rows of the metadata
doubt            a guess that the sample does not prove; each of the above yields those of its own
proposal         the proposed source
proposal_doubts  the guesses about the source as a whole
ask              questions to a person
write            the rows and the models, all of them or none
remove           removal of a source
"""
