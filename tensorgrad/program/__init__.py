"""Programs: what runs on arrays, as data; how it is recorded, made better, and printed."""
