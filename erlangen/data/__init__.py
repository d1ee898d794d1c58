"""What samples are made of: files, own sources, labels and their cache, splits, public sets."""
