# Of what the argument parser's tool writes: paragraphs where lines are empty, examples, which are indented, as they
# stand, and the exit status in the section of that name.
/^    / {
  if (!shown++) print ".Bd -literal -offset indent"
  sub(/^    /, "")
  gsub(/\\/, "\\e")
  gsub(/-/, "\\-")
  print
  next
}
shown { print ".Ed"; shown = 0 }
# The tool's own text of this section knows of no statuses.
/^The exit status is / && !status { status = $0; next }
/^\.Ex -std/ && status { print status; next }
{ print $0 == "" ? ".Pp" : $0 }
END { if (shown) print ".Ed" }
