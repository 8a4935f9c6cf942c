"""Two trees to write, one over the other, and what is asked of the result."""

import errno

from llmspec.artifacts.tree import File, Tree


def tree(contents, executable=()):
    rows = (
        File(path=path, purpose="p", content=content.encode(), executable=path in executable)
        for path, content in contents.items()
    )
    return Tree("chat", tuple(rows))


OLD = tree({"same": "1", "deep/er/differs": "1", "deep/er/gone": "1", "lost/gone": "1", "run.sh": "1"}, {"run.sh"})
NEW = tree({"same": "1", "deep/er/differs": "2", "fresh/er": "2", "run.sh": "1"}, {"run.sh"})


def unsupported(left, right):
    raise OSError(errno.EINVAL, f"no exchange of {left} and {right}")


def paths(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def lies(tree, folder):
    return all((folder / file.path).read_bytes() == file.content for file in tree.files)


def siblings(folder):
    return [path.name for path in folder.parent.iterdir()]
