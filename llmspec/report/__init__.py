"""How we speak: codes, places in a text, diagnostics, and the forms they are written in."""
