# Fails for each line of prose in a Markdown file that is longer than 100 columns and has a space to break it at.
# Exempt: front matter, code blocks, tables, comments, a link on a line of its own, and generated schemas.
# Use: LC_ALL=C awk -f .markdown-width.awk FILES

FNR == 1 { front = $0 == "---"; code = comment = schema = 0 }
front { if (FNR > 1 && $0 == "---") front = 0; next }
/^ *```/ { code = !code; next }
code || /^ *\|/ { next }
/^<!-- schema generated/ { schema = 1 }
/^## / && !/^## Schema/ { schema = 0 }
/^ *<!--/ { comment = 1 }
comment { if (/-->/) comment = 0; next }
!schema {
	line = $0
	gsub(/[\200-\277]/, "", line) # counts a character of several bytes as one
	words = line
	sub(/^[ >]*([-*]|[0-9]+\.)? */, "", words)
	sub(/^\[[^]]*\]\([^)]*\)/, "", words)
	if (length(line) > 100 && words ~ / /) {
		print FILENAME ":" FNR ": " length(line) " columns; wrap prose at 100"
		wide = 1
	}
}
END { exit wide }
