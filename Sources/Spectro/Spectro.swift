// Spectro
