"""Files: from the bytes of an upload to a picture, in a process of its own, without what names a person."""
