"""What the operator types: `flask prepare`, `analyse`, `backup`, `clinics`, `models`, `user`."""
