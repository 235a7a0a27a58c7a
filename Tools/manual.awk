# Of what the argument parser's tool writes: paragraphs where lines are empty, and examples, which are
# indented, as they stand.
/^    / {
  if (!shown++) print ".Bd -literal -offset indent"
  sub(/^    /, "")
  gsub(/\\/, "\\e")
  gsub(/-/, "\\-")
  print
  next
}
shown { print ".Ed"; shown = 0 }
{ print $0 == "" ? ".Pp" : $0 }
END { if (shown) print ".Ed" }
