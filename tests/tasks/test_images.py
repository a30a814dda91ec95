import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError
from benchmarks.tasks.images import Images, decode
from benchmarks.testing import check_family

SIDE = 6


def noise(*names, mode="L"):
    """A picture that depends on the names, no two alike."""
    shape = (SIDE, SIDE) if mode == "L" else (SIDE, SIDE, 3)
    bits = np.random.default_rng(list("/".join(map(str, names)).encode()))
    return Image.fromarray(bits.integers(0, 256, shape, dtype=np.uint8))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve classes of ten pictures, and a cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number in range(12):
        write(tmp_path / "animals" / f"animal {number:02}", 10)
    return tmp_path / "animals"


def write(folder, pictures, suffix="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        noise(folder.name, number).save(folder / f"{number:02}.{suffix}")


def family(folder, **fields):
    defaults = {"ways": 2, "side": SIDE, "validation_fraction": 0.3, "test_fraction": 0.3}
    return Images(str(folder), **{**defaults, **fields})


def draw(images, split="train", n=5, shots=1, queries=4, **more):
    return images.sample(n, split, generator_of("images"), shots=shots, queries=queries, **more)


def kept(folder):
    return sorted((folder.parent / "cache" / "reml" / "images").glob("*"))


def complaint(images, **sizes):
    with pytest.raises(DataError) as error:
        draw(images, **sizes)
    return str(error.value)


@pytest.mark.parametrize("fields", [{}, {"colour": "rgb", "rotations": "all", "ways": 3}])
def test_the_laws_hold(folder, fields):
    assert not [
        check for check in check_family(lambda: family(folder, **fields)) if not check.passed
    ]


def test_construction_and_problem_read_nothing():
    problem = Images("no/such/folder", side=32, colour="rgb").problem
    assert (problem.image, problem.features, problem.outputs) == ((3, 32, 32), 3072, 5)


def test_pixels_are_intensities_as_they_are(folder):
    images = family(folder)
    batch = draw(images, n=20)
    ids = batch.support.privileged["class"].gather(1, batch.support.y.argmax(2))
    for picture, number in zip(batch.support.x.flatten(0, 1), ids.flatten(), strict=True):
        name = images.classes["train"][number]
        wanted = [np.asarray(noise(name, i)).flatten() / 255 for i in range(10)]
        assert any(np.allclose(picture.numpy(), pixels) for pixels in wanted)


def test_classes_are_split_by_name_and_seed(folder):
    classes = family(folder).classes
    assert [len(classes[split]) for split in ("train", "validation", "test")] == [4, 4, 4]
    assert len({name for names in classes.values() for name in names}) == 12
    assert len({family(folder, split_seed=seed).classes["test"] for seed in range(5)}) > 2


def test_the_fingerprint_is_of_the_content_wherever_it_lies(folder):
    before = family(folder).fingerprint
    moved = folder.rename(folder.with_name("moved"))
    assert family(moved).fingerprint == before
    noise("another").save(moved / "animal 03" / "04.png")
    assert family(moved).fingerprint != before


def test_pictures_are_decoded_once(folder, monkeypatch):
    first = draw(family(folder))
    assert len(kept(folder)) == 1
    monkeypatch.setattr(Image, "open", None)
    again = draw(family(folder))
    assert torch.equal(first.query.x, again.query.x)


def test_a_damaged_cache_is_made_again(folder):
    first = draw(family(folder))
    (path,) = kept(folder)
    whole = path.read_bytes()
    for content in (b"", whole[:-100]):
        path.write_bytes(content)
        assert torch.equal(first.query.x, draw(family(folder)).query.x)
        assert path.read_bytes() == whole


def test_without_a_cache_it_works_too(folder, monkeypatch):
    first = draw(family(folder))
    (folder / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "file"))
    assert torch.equal(first.query.x, draw(family(folder)).query.x)


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "gif", "bmp", "webp", "tiff"])
def test_kinds_of_files(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    flat = Image.new("RGB", (9, 7), (40, 120, 200))
    flat.save(path)
    grey, colours = decode(path, 5, "grey"), decode(path, 4, "rgb")
    assert (grey.shape, colours.shape) == ((1, 5, 5), (3, 4, 4))
    assert np.abs(colours.reshape(3, -1).T.astype(int) - (40, 120, 200)).max() < 6
    assert np.abs(grey.astype(int) - 105).max() < 6


def test_what_is_transparent_is_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    clear.putpixel((0, 0), (0, 0, 0, 255))
    clear.save(tmp_path / "clear.png")
    pixels = decode(tmp_path / "clear.png", 8, "grey")[0]
    assert (pixels[0, 0], pixels.sum()) == (0, 255 * 63)


def test_pictures_stand_upright(tmp_path):
    lying = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90°
    lying.save(tmp_path / "lying.png", exif=exif)
    assert np.array_equal(decode(tmp_path / "lying.png", 8, "grey")[0], np.rot90(lying, -1))


def test_other_files_are_no_pictures(folder):
    before = family(folder).fingerprint
    (folder / "README.txt").write_text("animals")
    (folder / "animal 00" / "Thumbs.db").write_bytes(b"thumbs")
    (folder / "animal 00" / "._00.png").write_bytes(b"hidden")
    write(folder / ".hidden", 3)
    write(folder / "animal 00" / "deeper", 3)
    assert family(folder).fingerprint == before


def test_small_classes_are_left_out(folder):
    small = family(folder).classes["train"][0]
    for path in sorted((folder / small).iterdir())[3:]:
        path.unlink()
    images = family(folder)
    assert [images.left_out("train", shots) for shots in (2, 3, 9, 10)] == [0, 1, 1, 4]
    assert [images.size("train", shots) for shots in (2, 3, 9, 10)] == [None, None, None, 0]
    assert draw(images, shots=2, queries=40).query.x.shape[1] == 2  # 3 - 2 of each class
    assert draw(images, shots=3, queries=40).query.x.shape[1] == 14
    assert 0 not in draw(images, n=50, shots=3).support.privileged["class"]
    assert complaint(images, shots=10) == (
        f"{folder}: 10 shots need classes of at least 11 pictures, and 2 ways 2 such classes, but "
        f"the train split has 0; its smallest, {small!r}, has 3"
    )


def test_more_ways_than_classes(folder):
    assert family(folder, ways=5).size("test", 1) == 0
    assert complaint(family(folder, ways=5), split="test") == (
        f"{folder}: 5 ways need at least 5 classes, but the test split has 4"
    )


def test_an_unreadable_picture_is_named_and_nothing_kept(folder):
    bad = folder / "animal 07" / "03.png"
    whole = bad.read_bytes()
    for content in (b"no picture", b"", whole[: len(whole) // 2]):
        bad.write_bytes(content)
        assert complaint(family(folder)).startswith(f"{bad}: is no picture that can be read (")
        assert not kept(folder)


def test_a_picture_of_16_bits(folder):
    bad = folder / "animal 07" / "03.png"
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(bad)
    assert complaint(family(folder)) == f"{bad}: has more than 8 bits a pixel (mode I;16)"


def test_no_folder_or_an_empty_one(tmp_path):
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    (empty / "cats").mkdir(parents=True)
    noise("alone").save(empty / "alone.png")
    assert complaint(family(missing)) == (f"{missing}: cannot be read (No such file or directory)")
    assert complaint(family(empty)).startswith(
        f"{empty}: holds no pictures; expected a folder of them for each class, in files that end"
    )


def test_too_few_classes_for_three_splits(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path / "two" / "a", 3)
    write(tmp_path / "two" / "b", 3)
    assert complaint(family(tmp_path / "two")) == (
        f"{tmp_path / 'two'}: no class is left for the train split; of 2 classes 1 would be for "
        "validation and 1 for the test"
    )


def test_one_class_in_two_folders_is_refused(folder):
    write(folder / "animal  03", 3)
    assert "the folders 'animal  03' and 'animal 03' differ only in spaces" in complaint(
        family(folder)
    )
