"""Small files in the published forms of data sets, written byte by byte as their descriptions say."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
N_TRAIN, N_TEST = 12, 4
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def drawn(n: int, shape: tuple[int, ...], n_classes: int, seed: int = 0) -> tuple[Array, Array]:
    """Images of bytes and labels; the first label is the largest."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, n_classes, n).astype(np.uint8)
    labels[:1] = n_classes - 1
    return random.integers(0, 256, (n, *shape), dtype=np.uint8), labels


def idx_bytes(array: Array) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape) + array.tobytes()


def write_idx(folder: Path, packed: bool = False, side: int = 5) -> list[Array]:
    """The four files of MNIST, and what is in them."""
    arrays = [*drawn(N_TRAIN, (side, side), 10), *drawn(N_TEST, (side, side), 10, seed=1)]
    for name, array in zip(IDX, arrays, strict=True):
        data = idx_bytes(array)
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data, mtime=0) if packed else data)
    return arrays


def write_cifar_10(folder: Path, n: int = 3) -> list[tuple[Array, Array]]:
    parts = [drawn(n, (3, 32, 32), 10, seed) for seed in range(6)]
    for name, (images, labels) in zip([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"], parts, strict=True):
        rows = [bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True)]
        (folder / f"{name}.bin").write_bytes(b"".join(rows))
    (folder / "batches.meta.txt").write_text("\n".join(TEN) + "\n\n", encoding="ascii")
    return parts


def write_cifar_100(folder: Path) -> list[tuple[Array, Array, Array]]:
    """(images, coarse, fine) of both parts."""
    parts = []
    for name, n in (("train", 10), ("test", 2)):
        images, fine = drawn(n, (3, 32, 32), 100, n)
        coarse = (fine % 20).astype(np.uint8)
        rows = [bytes([c, f]) + image.tobytes() for image, c, f in zip(images, coarse, fine, strict=True)]
        (folder / f"{name}.bin").write_bytes(b"".join(rows))
        parts.append((images, coarse, fine))
    (folder / "fine_label_names.txt").write_text("".join(f"fine {k}\n" for k in range(100)), encoding="ascii")
    (folder / "coarse_label_names.txt").write_text("".join(f"coarse {k}\n" for k in range(20)), encoding="ascii")
    return parts


def python_2_text(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<i", len(text)) + text


def python_2_int(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)


def python_2_array(array: Array) -> bytes:
    """An array of bytes as Python 2's cPickle writes it in protocol 2."""
    made = b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t"
    kind = b"cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"".join(map(python_2_int, array.shape)) + b"\x86"
    return made + b"(K\x01" + shape + kind + b"\x89" + python_2_text(array.tobytes()) + b"tb"


def python_2_dict(**items: Any) -> bytes:
    """A pickled dict of texts, lists of texts or numbers, and arrays of bytes, as CIFAR's Python version has it."""
    pieces = []
    for key, value in items.items():
        pieces.append(python_2_text(key.encode("ascii")))
        if isinstance(value, np.ndarray):
            pieces.append(python_2_array(value))
        elif isinstance(value, str):
            pieces.append(python_2_text(value.encode("ascii")))
        else:
            inner = [python_2_text(one.encode()) if isinstance(one, str) else python_2_int(int(one)) for one in value]
            pieces.append(b"](" + b"".join(inner) + b"e")
    return b"\x80\x02}q\x01(" + b"".join(pieces) + b"u."


def write_cifar_10_python(folder: Path, n: int = 3) -> list[tuple[Array, Array]]:
    parts = [drawn(n, (3, 32, 32), 10, seed) for seed in range(6)]
    for name, (images, labels) in zip([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"], parts, strict=True):
        held = python_2_dict(
            batch_label=f"{name} of 5", labels=labels.tolist(), data=images.reshape(n, -1), filenames=["a.png"] * n
        )
        (folder / name).write_bytes(held)
    meta = python_2_dict(num_cases_per_batch=[n], label_names=list(TEN))
    (folder / "batches.meta").write_bytes(meta)
    return parts


def write_cifar_100_python(folder: Path) -> list[tuple[Array, Array, Array]]:
    parts = []
    for name, n in (("train", 10), ("test", 2)):
        images, fine = drawn(n, (3, 32, 32), 100, n)
        coarse = (fine % 20).astype(np.uint8)
        held = python_2_dict(
            fine_labels=fine.tolist(), coarse_labels=coarse.tolist(), data=images.reshape(n, -1), batch_label=name
        )
        (folder / name).write_bytes(held)
        parts.append((images, coarse, fine))
    names = {"fine_label_names": [f"fine {k}" for k in range(100)], "coarse_label_names": ["c"] * 20}
    (folder / "meta").write_bytes(python_2_dict(**names))
    return parts


def write_mnist_5k(folder: Path, packed: bool = True, n: int = 20) -> tuple[Array, Array]:
    """Lines of 784 pixels and a digit, in the order of the digits."""
    images, labels = drawn(n, (28, 28), 4)
    labels = np.sort(labels)
    lines = [",".join(map(str, [*image.ravel(), label])) + "\n" for image, label in zip(images, labels, strict=True)]
    text = "".join(lines).encode("ascii")
    (folder / ("mnist_5k.csv" + ".gz" * packed)).write_bytes(gzip.compress(text, mtime=0) if packed else text)
    return images, labels


def write_places(folder: Path, side: int = 256) -> dict[str, Array]:
    """Lists and pictures, one of them grey; the pictures by name as they are once a JPEG file of them is unpacked."""
    from PIL import Image

    categories = ["/a/airfield", "/b/bus_station/indoor", "/y/youth_hostel"]
    training = [("/a/airfield/00000001.jpg", 0), ("/b/bus_station/indoor/00000002.jpg", 1), ("/y/youth.jpg", 2)]
    testing = [("Places365_val_00000001.jpg", 1), ("Places365_val_00000002.jpg", 0)]
    texts = {
        "categories_places365.txt": [(name, k) for k, name in enumerate(categories)],
        "places365_train_standard.txt": training,
        "places365_val.txt": testing,
    }
    for name, lines in texts.items():
        (folder / name).write_text("".join(f"{one} {k}\n" for one, k in lines), encoding="ascii")
    found = {}
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    for k, (name, _) in enumerate(training + testing):
        path = folder / ("data_256_standard" if (name, _) in training else "val_256") / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        planes = np.stack([across * (k + 1), down, across + down], axis=-1) % 256
        picture = Image.fromarray((planes // 2).astype(np.uint8))
        (picture.convert("L") if k == 1 else picture).save(path, "JPEG", quality=90)
        with Image.open(path) as image:
            found[name] = np.stack([np.asarray(band) for band in image.convert("RGB").split()])
    return found
