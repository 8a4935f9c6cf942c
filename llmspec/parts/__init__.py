"""One choice a file. Nobody imports a part by name; they are found."""
