"""Values and switches that every part uses: dtypes, devices, numbers, texts, modes. Nothing here knows Tensor."""
