"""Facts and named problems on disk: catalogue, file formats, travel sources, generators."""
