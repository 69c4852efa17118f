# Doxygen's view of a header: its plain comments are documentation, of the file if they stand first in it, otherwise of what
# follows, and at the end of a line of what stands before. A comment is text: what Doxygen would take for a command, a tag or a
# link is quoted.

# Quotes the text of a comment, but for code, which is indented or stands in backticks.
function quoted(text,   parts, count, i) {
    if (text ~ /^     /) return text
    count = split(text, parts, "`")
    text = ""
    for (i = 1; i <= count; ++i) {
        if (i % 2 == 1) {
            gsub(/[\\@<>#]/, "\\\\&", parts[i])
            gsub(/[*_][A-Za-z]/, "\\\\&", parts[i])
            while (match(parts[i], /[A-Za-z0-9]\\_/)) # inside of a name it means nothing
                parts[i] = substr(parts[i], 1, RSTART) substr(parts[i], RSTART + 2)
        }
        text = text (i > 1 ? "`" : "") parts[i]
    }
    return text
}

# The rest of a block comment, whose end may be on this line.
function block(text) {
    inside = text !~ /\*\/ *$/
    if (!inside) sub(/ *\*\/ *$/, "", text)
    return quoted(text) (inside ? "" : " */")
}

inside {
    sub(/^ *\*( |$)/, " ")
    sub(/^ *\*\//, "*/")
    print $0 ~ /^\*\// ? "*/" : block($0)
    inside = inside && $0 !~ /^\*\//
    next
}

/^ *\/\* ---/ { print ""; next } # the headline of a section

/^ *\/\*/ {
    sub(/^ *\/\*/, "")
    if (!any++) print "/** \\file"
    else printf "/**"
    print block($0)
    next
}

/^ *\/\// {
    if (!any++) print "/// \\file"
    sub(/^ *\/\//, "")
    print "///" quoted($0)
    next
}

/[^ ] +\/\*/ && !/^#e/ && !/\*\/ *[^ ]/ {
    match($0, / +\/\*/)
    text = substr($0, RSTART + RLENGTH)
    print substr($0, 1, RSTART) "/**<" block(text)
    next
}

/[;,{] +\/\/ / {
    match($0, / +\/\/ /)
    print substr($0, 1, RSTART) "///< " quoted(substr($0, RSTART + RLENGTH))
    next
}

{ print }
