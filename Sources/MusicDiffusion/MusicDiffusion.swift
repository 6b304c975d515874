// MusicDiffusion
