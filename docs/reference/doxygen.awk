# Makes Doxygen's comments of resnet.h's, which are written to be read as they stand:
#
#   the first comment             the main page; its words in capitals are headings, its table of
#                                 conventions a list
#   a comment before something    that one's documentation, and of the functions that follow it without a
#                                 blank line
#   no comment                    of a function is an error: Doxygen knows no command \undocumented
#   a comment behind a member     the member's
#   /* ---- Title ---- */         a group, up to the next
#   text indented by two or more  as it stands

function escaped(text) {
  gsub(/[\\@&<>#%]/, "\\\\&", text)
  while (match(text, /\*[a-z]+\*/))
    text = substr(text, 1, RSTART - 1) "<em>" substr(text, RSTART + 1, RLENGTH - 2) "</em>" \
      substr(text, RSTART + RLENGTH)
  while (match(text, /`[^`]+`/))
    text = substr(text, 1, RSTART - 1) "<code>" substr(text, RSTART + 1, RLENGTH - 2) "</code>" \
      substr(text, RSTART + RLENGTH)
  return text
}

# Within a comment: preformatted text begins and ends.
function block(kind) {
  if (inside == kind) return ""
  before = inside == "text" ? "" : inside == "list" ? "</dl> " : "\\end" inside " "
  inside = kind
  return before (kind == "text" ? "" : kind == "list" ? "<dl>" : "\\" (kind == "code" ? "code{.c}" : kind)) "\n"
}

# A line of a comment whose margin (" * ") is gone.
function body(line) {
  if (main && line ~ /^[A-Z]+$/)
    return block("text") "\\section " tolower(line) " " substr(line, 1, 1) tolower(substr(line, 2))
  if (line ~ /^$/) return inside == "list" || inside == "text" ? line : block("text")
  if (line !~ /^  /) return block("text") escaped(line)
  if (!main) return block("verbatim") line
  if (section != "conventions") return block("code") line
  sub(/^  /, "", line)
  if (line ~ /^[A-Z]/) {
    term = line; sub(/ .*/, "", term)
    sub(/^[A-Za-z]+ +/, "", line)
    return block("list") "<dt>" term "</dt><dd>" escaped(line)
  }
  return escaped(line)
}

BEGIN { inside = "text" }

/^\/\* ---- .* -+ \*\/$/ {
  title = $0; gsub(/^\/\* ---- | -+ \*\/$/, "", title)
  name = tolower(title); gsub(/[^a-z0-9]+/, "_", name)
  if (group) print "/** @} */"
  print "/** @defgroup " name " " title "\n * @{ */"
  group = 1; function_name = ""
  next
}

# The end of what C++ is told belongs to no group.
group && /^#ifdef __cplusplus/ { print "/** @} */"; group = 0 }

/^\/\*/ && !comment {
  comment = 1; main = NR == 1
  documented = 1; function_name = ""
  line = $0; sub(/^\/\* ?/, "", line)
  printf "/** "
  if (main) { print "@mainpage libresnet"; next }
  if (line ~ /\*\/$/) { sub(/ ?\*\/$/, "", line); print body(line) " */"; comment = 0 }
  else print body(line)
  next
}

comment {
  closes = /\*\/ *$/
  line = $0
  if (closes) sub(/ *\*\/ *$/, "", line)
  sub(/^ \* ?/, "", line); sub(/^ \*$/, "", line)
  if (line ~ /^[A-Z]+$/) section = tolower(line)
  text = body(line)
  if (closes) { text = text block("text") "*/"; comment = 0; main = 0; sub(/^ +\*\/$/, "*/", text) }
  print text
  next
}

# Comments within enums and structs: behind a member, or before it.
trailing { if (/\*\//) trailing = 0; print; next }
/^  +\/\*/ { sub(/\/\*/, "/**"); if (!/\*\//) trailing = 1; print; next }
/[^ ] *\/\* / && !/^#/ { sub(/\/\* /, "/**< "); if (!/\*\//) trailing = 1; print; next }

# A function right behind another shares its comment.
/^(rn_|const |void )[a-z_ ]*\*?\**rn_[a-z0-9_]+\(/ {
  name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
  if (documented) function_name = name
  else print "/** " (function_name ? "\\copydoc " function_name : "\\undocumented " name) " */"
}
{ print; documented = 0; if (/^$/) function_name = "" }
