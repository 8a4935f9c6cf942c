"""What each part of a spec adds to the plan, one file each; `lower` puts the pieces together."""
