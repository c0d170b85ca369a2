"""The line: what an upload goes through, in this order.

intake        receives: decodes once, keeps pixels and row, only then acknowledges
quota         how many images one sender may leave
pauses        whoever sends files that take too long to read has to pause
analysis      gate, networks and triage for leased images, results stored: the only place that knows the order
triage        from findings to a category and its words
explanation   what was measured, in sentences
layers        the pictures that are shown: contour, fill, heat map, thumbnail
images        finds and deletes what is kept
"""
