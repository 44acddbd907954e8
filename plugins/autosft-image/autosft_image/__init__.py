"""Images for AutoSFT. `plugin` offers the parts; nothing here imports torch, torchvision, timm or Pillow."""
