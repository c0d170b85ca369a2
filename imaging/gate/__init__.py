"""Is this one grey breast ultrasound image?"""
