#!/usr/bin/env python3
"""Draw valley.png, the test picture of the samples: an imagined valley with a lake, by ray marching over random terrain.

    make_valley.py [valley.png [WIDTH HEIGHT]]

Needs NumPy and Matplotlib.  Everything in the picture comes from the random numbers below; it shows no place and uses no other work.
Picture and script: CC0 1.0.
"""
import sys

import matplotlib.pyplot as plt
import numpy as np

SIZE = 1024             # cells of the terrain along each side; it repeats beyond
WATER = 0.30            # height of the lake
SUN = np.array([0.55, 0.36, 0.75])
SUN = SUN / np.sqrt((SUN * SUN).sum())


def noise(seed, slope):
    """Periodic random field with spectrum 1/f**slope, scaled to 0 … 1."""
    random = np.random.RandomState(seed)
    spectrum = np.fft.rfft2(random.standard_normal((SIZE, SIZE)))
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = np.fft.rfftfreq(SIZE)[None, :] * SIZE
    f = np.sqrt(fx * fx + fy * fy)
    f[0, 0] = 1
    field = np.fft.irfft2(spectrum / f ** slope * (f > 1.5))
    field -= field.min()
    return field / field.max()


def sample(field, x, y):
    """Bilinear interpolation of a periodic field."""
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = x - x0, y - y0
    i, j = y0.astype(int) % SIZE, x0.astype(int) % SIZE
    i1, j1 = (i + 1) % SIZE, (j + 1) % SIZE
    return (field[i, j] * (1 - fx) + field[i, j1] * fx) * (1 - fy) + (field[i1, j] * (1 - fx) + field[i1, j1] * fx) * fy


def sky(dx, dy, dz, clouds):
    """Colour of the sky in a direction."""
    up = np.clip(dy, 0, 1)
    t = np.sqrt(up)[..., None]
    colour = (1 - t) * np.array([0.93, 0.80, 0.68]) + t * np.array([0.22, 0.42, 0.72])
    toward = np.clip(dx * SUN[0] + dy * SUN[1] + dz * SUN[2], 0, 1)
    colour = colour + (toward ** 350)[..., None] * np.array([1.2, 1.1, 0.9]) + (toward ** 12)[..., None] * np.array([0.30, 0.20, 0.08])
    far = 240 / np.maximum(dy, 0.04)
    cover = np.clip((sample(clouds, dx * far + 90, dz * far * 1.8) - 0.52) * 4.5, 0, 1) * np.clip(dy * 5, 0, 1)
    return colour * (1 - 0.75 * cover[..., None]) + 0.75 * cover[..., None] * np.array([1.0, 0.96, 0.92])


def land(heights, detail, x, y, z, distance):
    """Colour of the ground at a point."""
    e = 0.75
    scale = 240.0
    nx = (sample(heights, x - e, z) - sample(heights, x + e, z)) * scale
    nz = (sample(heights, x, z - e) - sample(heights, x, z + e)) * scale
    ny = 2 * e
    n = np.sqrt(nx * nx + ny * ny + nz * nz)
    nx, ny, nz = nx / n, ny / n, nz / n
    light = np.clip(nx * SUN[0] + ny * SUN[1] + nz * SUN[2], 0, 1)
    shade = np.ones_like(x)
    for k in range(1, 40):          # shadows of the ridges
        s = k * 2.5
        above = (y + SUN[1] * s) / scale - sample(heights, x + SUN[0] * s, z + SUN[2] * s)
        shade = np.minimum(shade, np.clip(0.6 + above * 60, 0.25, 1))
    grain = sample(detail, x * 9, z * 9)
    high = y / scale
    grass = np.array([0.17, 0.27, 0.10]) * (0.55 + 0.9 * grain[..., None])
    rock = np.array([0.36, 0.31, 0.27]) * (0.55 + 0.9 * grain[..., None])
    snow = np.array([0.95, 0.96, 1.0])
    rocky = np.clip((high - 0.45 + (0.80 - ny) * 0.6 + (grain - 0.5) * 0.1) * 7, 0, 1)[..., None]
    snowy = (np.clip((high - 0.66 + (grain - 0.5) * 0.12) * 12, 0, 1) * np.clip((ny - 0.45) * 5, 0, 1))[..., None]
    shore = np.clip(1 - (high - WATER) * 70, 0, 1)[..., None]
    colour = grass * (1 - rocky) + rock * rocky
    colour = colour * (1 - shore) + np.array([0.62, 0.53, 0.38]) * shore
    colour = colour * (1 - snowy) + snow * snowy
    lit = (light * shade)[..., None] * np.array([1.55, 1.35, 1.10]) + (0.35 + 0.25 * ny)[..., None] * np.array([0.55, 0.68, 0.85])
    haze = (1 - np.exp(-(distance / 520) ** 1.4))[..., None]
    return colour * lit * (1 - haze) + np.array([0.80, 0.78, 0.80]) * haze


def march(heights, ox, oy, oz, dx, dy, dz):
    """Distance to the terrain along each ray; infinity where it is missed."""
    distance = np.full(dx.shape, np.inf)
    t = np.full(dx.shape, 1.0)
    before = t.copy()
    for _ in range(420):
        gap = (oy + dy * t) - 240 * sample(heights, ox + dx * t, oz + dz * t)
        hit = (gap < 0) & np.isinf(distance)
        distance = np.where(hit, (before + t) / 2, distance)
        before = t
        t = t + np.clip(np.abs(gap) * 0.35, 0.12 + t * 0.002, 8)
    return np.where(distance > 900, np.inf, distance)


def picture(width, height):
    heights = noise(11, 2.05) ** 1.35
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    valley = 1 - np.exp(-((x - 0.5 - 0.05 * np.sin(y * 9)) / 0.13) ** 2)
    heights = 0.12 + heights * (0.25 + 0.85 * valley)
    detail, clouds = noise(5, 0.9), noise(23, 1.5)
    v, u = np.mgrid[0:height, 0:width]
    dx = (u - width / 2 + 0.5) / width * 1.25
    dy = (height * 0.44 - v) / width * 1.25
    dz = np.ones_like(dx)
    n = np.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / n, dy / n, dz / n
    ox, oy, oz = 512.0, 240 * WATER + 16, 120.0
    distance = march(heights, ox, oy, oz, dx, dy, dz)
    water = np.where(dy < 0, (240 * WATER - oy) / np.minimum(dy, -1e-6), np.inf)
    colour = sky(dx, dy, dz, clouds)
    seen = distance < water
    t = np.where(np.isinf(distance), 0, distance)
    ground = land(heights, detail, ox + dx * t, oy + dy * t, oz + dz * t, t)
    colour = np.where((seen & np.isfinite(distance))[..., None], ground, colour)
    # The lake mirrors what lies behind it, with ripples.
    wet = ~seen & np.isfinite(water) & (water < 900)
    w = np.where(wet, water, 0)
    wx, wz = ox + dx * w, oz + dz * w
    ripple = (sample(detail, wx * 14, wz * 5) - 0.5) * 0.10 / (1 + w / 60)
    ry, rx = -dy + ripple, dx + ripple * 0.4
    behind = march(heights, wx, 240 * WATER + 0.05, wz, rx, ry, dz)
    t = np.where(np.isinf(behind), 0, behind)
    mirrored = np.where(np.isinf(behind)[..., None], sky(rx, ry, dz, clouds),
                        land(heights, detail, wx + rx * t, 240 * WATER + ry * t, wz + dz * t, w + t))
    fresnel = (0.12 + 0.88 * (1 - np.clip(-dy, 0, 1)) ** 5)[..., None]
    lake = mirrored * fresnel * 0.85 + np.array([0.05, 0.13, 0.15]) * (1 - fresnel)
    colour = np.where(wet[..., None], lake, colour)
    colour = colour / (1 + 0.25 * colour)
    grain = np.random.RandomState(3).standard_normal((height, width, 1)) * 0.008
    edge = 1 - 0.35 * ((u / width - 0.5) ** 2 + (v / height - 0.5) ** 2)[..., None]
    return np.clip(np.clip(colour * edge * 1.12, 0, 1) ** 0.75 + grain, 0, 1)


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "valley.png"
    width, height = (int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 3 else (384, 256)
    big = picture(2 * width, 2 * height)
    small = (big[::2, ::2] + big[1::2, ::2] + big[::2, 1::2] + big[1::2, 1::2]) / 4
    plt.imsave(name, np.round(small * 255).astype(np.uint8), pil_kwargs={"optimize": True})


main()
