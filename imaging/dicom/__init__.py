"""DICOM: one frame as grey pixels, where its tissue lies, how large a pixel is, and nothing else of the file."""
