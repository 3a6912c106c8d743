"""Programs in JavaScript: the lowered form printed for browsers, and what a live picture carries of it."""
