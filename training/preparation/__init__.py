"""What comes before training: recipes, splits, windows, augmentation, packing, provenance."""
