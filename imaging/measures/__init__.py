"""The lesion measured: size, shape, echo, descriptors."""
