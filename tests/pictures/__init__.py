"""The pictures of docs/ that show pages, made anew by `make pictures`."""
