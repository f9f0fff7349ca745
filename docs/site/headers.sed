# What Doxygen reads of a header. Its first line, a comment, is what the file is about.
1s|^// (.*)$|/** @file\n * @brief \1 */|
# Copies, moves and comparisons do what they do everywhere.
/^ *friend (bool|auto) operator(==|<=>)\(.*;$/d
/^  friend bool operator==\(.*\{$/,/^  \}$/d
/^ *~?[A-Za-z]+\((const [A-Za-z]+&|[A-Za-z]+&&)\)( noexcept)?;$/d
/^ *[A-Za-z]+& operator=\([^)]*\)( noexcept)?;$/d
/^#pragma GCC visibility/s/.*//
