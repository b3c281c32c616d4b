# SPDX-License-Identifier: Apache-2.0
"""A certificate of an erasure as its person reads it, in English and Chinese, with everything it takes to check it.

It is made of the certificate alone, so whoever checks one makes it again and sees whether a word was changed.
"""

from collections.abc import Iterable

import msgspec

from gateway.cli.desk.markdown import escaped
from gateway.cli.desk.moments import day, written
from gateway.record.format.certificate import Certificate, Statement


def certificate_text(one: Certificate) -> str:
    """Return the certificate as Markdown."""
    said = one.statement
    values = {
        "person": str(said.person),
        "when": written(said.erased_us),
        "until": day(said.backups_until_us),
        "made": written(said.made_us),
        "log": said.log,
        "entry": str(said.entry),
        "installation": escaped(said.installation),
        "vault_copies": str(said.vault_copies),
        "key": one.key,
    }
    en = _EN.format(
        merged=_merged(said.merged, " It also had the number{s} {numbers}.", ", "),
        identities=_identities(said.identities, ", ", "none that could be read"),
        again=_again(said, _AGAIN_EN, _BY_IDENTITY_EN, _NOT_AGAIN_EN).format(
            known_by=_identities(said.known_by, ", ", "none")
        ),
        overwritten=_DONE_EN if said.overwritten else _OWED_EN,
        in_vault=_names(said.in_vault, ", ", "none is declared"),
        siv=_names(said.siv, ", ", "none is declared"),
        hmac=_names(said.hmac, ", ", "none is declared"),
        stores=_names(said.stores, ", ", "none is declared for these identities"),
        **values,
    )
    zh = _ZH.format(
        merged=_merged(said.merged, "此前还使用过编号 {numbers}。", "、"),
        identities=_identities(said.identities, "、", "没有可读取的"),
        again=_again(said, _AGAIN_ZH, _BY_IDENTITY_ZH, _NOT_AGAIN_ZH).format(
            known_by=_identities(said.known_by, "、", "无")
        ),
        overwritten=_DONE_ZH if said.overwritten else _OWED_ZH,
        in_vault=_names(said.in_vault, "、", "未声明"),
        siv=_names(said.siv, "、", "未声明"),
        hmac=_names(said.hmac, "、", "未声明"),
        stores=_names(said.stores, "、", "没有为这些标识声明的数据集"),
        **values,
    )
    document = msgspec.json.encode(one).decode()
    return f"{en}\n---\n\n{zh}\n---\n\n```text\n{one.proof}```\n\n```json\n{document}\n```\n"


def _merged(numbers: Iterable[int], sentence: str, comma: str) -> str:
    told = [str(number) for number in numbers]
    return sentence.format(s="s" if len(told) > 1 else "", numbers=comma.join(told)) if told else ""


def _identities(kinds: Iterable[tuple[str, int]], comma: str, none: str) -> str:
    return comma.join(f"{n} × `{kind}`" for kind, n in kinds) or none


def _again(said: Statement, more: str, by_identity: str, nothing: str) -> str:
    """Return the sentence of who can bring the person back."""
    if not said.known_again_by:
        return nothing
    return more if said.is_known_by_more else by_identity


def _names(names: Iterable[str], comma: str, none: str) -> str:
    return comma.join(f"`{name}`" for name in names) or none


_DONE_EN = "has been overwritten in the tables and files of the gateway's database"
_OWED_EN = """\
was **not yet overwritten** in the files of the gateway's database, because they were being read when this was made; the
gateway tries again each minute, and step 1 below tells whether it was"""
_DONE_ZH = "已在网关数据库的表和文件中被覆盖"
_OWED_ZH = "在制作本证明时因数据库正被读取而**尚未**在文件中被覆盖；网关每分钟重试，可按下文第 1 步核实"

_AGAIN_EN = """\
Nobody can bring this person back by an import or a later synchronisation through the gateway that tells enough of what
they are known by; only a later act of the person's own, or the privacy officer with evidence, can. Kept for this are
digests under a key of the gateway, made of these identifiers: {known_by}. One of an identity or a national id is
enough, of the others two."""
_BY_IDENTITY_EN = """\
An import under an identity that stores had for this person ({known_by}) is refused. **An import under another identity
would not be recognised**, since nothing else was known that the person could be known by."""
_NOT_AGAIN_EN = "Nothing was known by which the person could be known again, so an import could bring them back."
_AGAIN_ZH = """\
任何人都不能经由本网关以足以识别此人的导入或后续同步使其重新出现；只有本人之后的主动行为，或隐私负责人凭证据，方可
恢复。为此仅保留以网关密钥生成的摘要，所依据的识别信息为：{known_by}。身份标识或证件号码一项即足够，其他则需两项。"""
_BY_IDENTITY_ZH = """\
以数据源曾用于此人的身份标识（{known_by}）进行的导入会被拒绝。**以其他身份标识进行的导入将无法识别**，因为没有其他
可据以识别此人的信息。"""
_NOT_AGAIN_ZH = "没有可据以再次识别此人的信息，因此导入可能使其重新出现。"

_EN = """\
# Certificate of erasure

The gateway `{installation}` certifies that person number {person} was erased at {when}.{merged}
The number stands for nobody any more. No name and no value of the person is in this certificate.

**Unreadable at once**, in the live databases of the gateway: the person's own key; the identities sealed under it
({identities}); copies of the vault sealed under it ({vault_copies} deleted). Fields in the vault: {in_vault}. A token
that a store still holds for such a value leads to nothing any more, unless another person has the same value too, as
families share a phone.

**On the disks**: the person's key, itself sealed under a key of the installation, {overwritten}. Bytes of identities and
copies that were sealed under it may linger where databases keep what was deleted for a while (dead rows, free pages);
they open with nothing any more. The write-ahead log of a PostgreSQL server, its archives and its replicas may hold the
sealed key until their own time is up: they count as copies that were made by other means, named below.

**Unreadable in backups from {until} on.** The keys of people are copied apart from everything else, and the last copy
that may hold this person's key has ended by that day; the gateway puts none back after its end, and deletes those that
lie in its folder of copies. Until then whoever holds that copy, a copy of the database from before and the keys of the
installation can read what was sealed; so can whoever keeps a copy beyond its end, unless it was sealed to end
(`backups.seal_keys`). Copies that were made by other means than the gateway's own are in nobody's count.

**What is not deleted but not reversible for this person through the gateway any more**: surrogates made by key alone.
The gateway holds no value, no number and no identity by which it could find the person for them. Fields of kind `siv`:
{siv}. Such a surrogate, kept somewhere, is still opened for whoever may reveal it, until the keys of its domain end; it
then gives a value and not whose it is. Fields of kind `hmac`: {hmac}. These nobody can open.

**What stays elsewhere**: the records of the stores themselves ({stores}), which have to be erased there, or a later
reading meets the person anew under another number; what recipients were given; parts of the access log, which hold the
number that stands for nobody, until their time is up or they are forgotten too (`gateway log forget`).

{again}

The erasure is entry {entry} of the access log `{log}`; its proof stands below. To check all of this:

1. `gateway surrogate prove-unreadable THIS-FILE` looks in the live databases, with `--backup FILE` in a backup too.
2. `gateway log prove --check THIS-FILE --key KEY` checks the entry on any machine. KEY is `{key}`; compare it with one
   that you got in another way.

Made at {made}.
"""

_ZH = """\
# 删除证明

网关 `{installation}` 证明：编号为 {person} 的个人已于 {when} 删除。{merged}
该编号不再代表任何人。本证明中不含此人的姓名或任何取值。

**即时不可读取**（网关的在线数据库中）：此人自己的密钥；以其密封的身份标识（{identities}）；以其密封的保险库副本
（已删除 {vault_copies} 份）。保险库中的字段：{in_vault}。数据源中仍保存的相应令牌不再指向任何内容，除非另有他人
拥有相同的取值（例如家庭共用的电话）。

**在磁盘上**：此人的密钥（其本身以本系统的密钥密封）{overwritten}。以其密封的身份标识和副本的字节可能在数据库暂存已删除
内容之处（失效行、空闲页）残留，但已无任何密钥可以打开。PostgreSQL 服务器的预写日志、其归档和副本在各自到期之前可能仍
含有被密封的密钥，应视为下文所述以其他方式制作的副本。

**自 {until} 起在备份中不可读取。** 个人密钥与其他数据分开备份，可能含有此人密钥的最后一份副本届时已到期；到期后
网关不会恢复任何此类副本，并删除其备份文件夹中的到期副本。在此之前，同时持有该副本、更早的数据库副本和本系统密钥者
仍可读取被密封的内容；逾期仍保留副本者亦然，除非副本已设为到期失效（`backups.seal_keys`）。以网关之外的方式制作的
副本不在此列。

**未删除、但经由本网关不再能为此人还原的内容**：仅由密钥生成的虚拟标识。网关已没有任何取值、编号或身份标识可据以
为此人查找它们。`siv` 类字段：{siv}。若有人仍保存此类虚拟标识，则在其域的密钥终止之前，有权还原者仍可得到取值，
但无从得知属于何人。`hmac` 类字段：{hmac}。这类标识无人能够还原。

**仍保留在他处的内容**：数据源自身的记录（{stores}），须在该处删除，否则之后的读取会以新的编号再次遇到此人；已提供
给接收方的内容；访问日志的附属部分，其中含有不再代表任何人的编号，直至期限届满或一并遗忘（`gateway log forget`）。

{again}

此次删除是访问日志 `{log}` 的第 {entry} 条记录，其证明见下文。核验方法：

1. `gateway surrogate prove-unreadable 本文件` 检查在线数据库；加上 `--backup 文件` 则同时检查备份。
2. `gateway log prove --check 本文件 --key 公钥` 可在任何计算机上核验该记录。公钥为 `{key}`；请与您从其他途径获得的
   公钥比对。

制作时间：{made}。
"""
