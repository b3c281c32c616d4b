# SPDX-License-Identifier: Apache-2.0
"""Every reason for a refusal: its status, its title, what can be done, by whom, and when to retry.

The table is total over ``Reason``. Titles say what happened and name no rule, row or person.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.domain.decision import Reason


class Retry(StrEnum):
    """What has to change before the same call can succeed."""

    NEVER = "never"
    AFTER = "after"
    WITH_STEP_UP = "with-step-up"
    WITH_GRANT = "with-grant"
    WITH_APPROVAL = "with-approval"


class Who(StrEnum):
    """Who can change it: the caller, the owner of the rule, the privacy officer, or the operator."""

    CALLER = "caller"
    OWNER = "owner"
    OFFICER = "officer"
    OPERATOR = "operator"


class Problem(msgspec.Struct, frozen=True):
    """One reason, told. Texts are English and simplified Chinese."""

    status: int
    title: str
    title_zh: str
    remedy: str
    remedy_zh: str
    retry: Retry
    who: Who

    def told(self, language: str) -> tuple[str, str]:
        """Return title and remedy in ``zh`` or in English."""
        return (self.title_zh, self.remedy_zh) if language == "zh" else (self.title, self.remedy)


def _caller(status: int, title: str, title_zh: str, remedy: str, remedy_zh: str) -> Problem:
    """Return a problem that the caller mends by sending another call."""
    return Problem(status, title, title_zh, remedy, remedy_zh, Retry.NEVER, Who.CALLER)


def _grant(status: int, title: str, title_zh: str, remedy: str, remedy_zh: str) -> Problem:
    """Return a problem that the owner of a rule mends with a grant."""
    return Problem(status, title, title_zh, remedy, remedy_zh, Retry.WITH_GRANT, Who.OWNER)


def _later(status: int, title: str, title_zh: str, remedy: str, remedy_zh: str) -> Problem:
    """Return a problem that passes, or that the operator mends."""
    return Problem(status, title, title_zh, remedy, remedy_zh, Retry.AFTER, Who.OPERATOR)


PROBLEMS: Mapping[Reason, Problem] = {
    Reason.MALFORMED: _caller(
        400,
        "The call is not well formed",
        "请求格式不正确",
        "Correct the part that is named and send the call again.",
        "请更正所指出的部分后重新发送请求。",
    ),
    Reason.PATH_NOT_CANONICAL: _caller(
        400,
        "The path is not in its normal form",
        "路径不是规范形式",
        "Write each segment as percent-encoded UTF-8 with upper-case digits, without empty or dotted segments and without a slash at the end.",
        "请将每个路径段写成大写十六进制的百分号编码 UTF-8，不含空段或点段，末尾不带斜杠。",
    ),
    Reason.HEADER_NOT_SUPPORTED: _caller(
        400,
        "A header asks for something that this route does not do",
        "请求头要求了此接口不支持的功能",
        "Leave the named header out.",
        "请去掉所指出的请求头。",
    ),
    Reason.PARAMETER_UNDECLARED: _caller(
        400,
        "The route does not declare this parameter",
        "此接口没有声明该参数",
        "Use only parameters that the route declares; none is ignored. The store's owner knows them.",
        "请只使用该接口已声明的参数；任何参数都不会被忽略。可向数据源负责人了解。",
    ),
    Reason.PARAMETER_INVALID: _caller(
        400,
        "The value of a parameter is not one that it can have",
        "参数的值无效",
        "Correct the named parameter.",
        "请更正所指出的参数。",
    ),
    Reason.METHOD_NOT_ALLOWED: _caller(
        405,
        "The route is not declared for this method",
        "此接口不支持该方法",
        "Use one of the methods in the Allow header.",
        "请使用 Allow 响应头中列出的方法。",
    ),
    Reason.BODY_TOO_LARGE: _caller(
        413,
        "The body is larger than this route reads",
        "请求正文过大",
        "Send less in one call.",
        "请减少单次请求的内容。",
    ),
    Reason.CONTENT_TYPE_NOT_SUPPORTED: _caller(
        415,
        "The route does not read or write this type of content",
        "此接口不支持该内容类型",
        "Send the type that the route declares (application/json, or application/merge-patch+json), in UTF-8; accept application/json or, for lists, application/x-ndjson or text/csv.",
        "请以 UTF-8 发送该接口声明的类型（application/json 或 application/merge-patch+json）；可接受 application/json，列表还可接受 application/x-ndjson 或 text/csv。",
    ),
    Reason.BODY_INVALID: _caller(
        422,
        "The body is not what this route takes",
        "请求正文不符合此接口的要求",
        "Correct the members that are named: each must be declared, once, and of its declared kind.",
        "请更正所指出的字段：每个字段须已声明、只出现一次且类型正确。",
    ),
    Reason.FIELD_NOT_COLLECTED: _caller(
        422,
        "The purpose does not collect this field",
        "该目的不收集此字段",
        "Leave the named fields out, or state a purpose whose collection whitelist has them.",
        "请去掉所指出的字段，或声明其收集白名单包含这些字段的目的。",
    ),
    Reason.UNREVEALED_VALUE_WRITTEN: _caller(
        409,
        "A value that this gateway made up was written back",
        "写回了由本网关生成的值",
        "Send only fields that you mean to change, in clear or by a surrogate of your own purpose and recipient.",
        "请只发送要修改的字段，使用明文或属于您自己目的与接收方的虚拟标识。",
    ),
    Reason.PRECONDITION_FAILED: _caller(
        412,
        "The record is not as the condition says",
        "记录与所给条件不符",
        "Read the record again and repeat the write with its newest ETag.",
        "请重新读取记录，并使用其最新的 ETag 再次写入。",
    ),
    Reason.ERASED_PERSON: Problem(
        409,
        "Somebody who was erased would come back by this write",
        "此次写入会使已被删除的人重新出现",
        "Leave the named records out, at the source as well; nothing of this write was stored. Only a later act of the person themselves, on a route declared for that, or the privacy officer brings somebody back.",
        "请去掉所指出的记录，并在来源处一并去掉；本次写入未存储任何内容。只有本人之后的主动行为（经为此声明的接口）或隐私官才能使其恢复。",
        Retry.NEVER,
        Who.OFFICER,
    ),
    Reason.STORE_CONFLICT: _caller(
        409,
        "The store says that the write conflicts with what it holds",
        "数据源表示写入与现有内容冲突",
        "Read what is there and decide what the write should be.",
        "请先读取现有内容，再决定如何写入。",
    ),
    Reason.STORE_REFUSED: _caller(
        422,
        "The store does not take these values",
        "数据源不接受这些值",
        "Check the values against the store's own rules; what it said is not passed on.",
        "请按数据源自身的规则检查这些值；其返回内容不会转发。",
    ),
    Reason.BUDGET_SPENT: Problem(
        429,
        "The budget of this purpose is spent",
        "该目的的额度已用完",
        "Ask for less, or wait for the time in Retry-After. The owner of the purpose sets its budgets.",
        "请减少请求的数量，或等待 Retry-After 所示的时间。额度由目的负责人设定。",
        Retry.AFTER,
        Who.OWNER,
    ),
    Reason.SIGN_IN_REQUIRED: _caller(
        401,
        "The call shows no valid sign-in",
        "请求没有有效的登录凭证",
        "Sign in at /-/login, or get a bearer at /-/oauth/token, and send it in the Authorization header.",
        "请在 /-/login 登录，或在 /-/oauth/token 获取令牌，并放入 Authorization 请求头。",
    ),
    Reason.SIGN_IN_FAILED: _caller(
        401,
        "The sign-in did not succeed",
        "登录未成功",
        "Begin again at /-/login. After several failures, wait before the next try.",
        "请从 /-/login 重新开始。多次失败后请稍候再试。",
    ),
    Reason.STEP_UP_REQUIRED: Problem(
        401,
        "This needs a sign-in of the last five minutes",
        "此操作需要五分钟内的登录",
        "Sign in again with both factors and repeat the call with the new bearer.",
        "请用双因素重新登录，并使用新令牌重发请求。",
        Retry.WITH_STEP_UP,
        Who.CALLER,
    ),
    Reason.PURPOSE_MISSING: _caller(
        400,
        "The call states no purpose",
        "请求没有说明处理目的",
        "State one purpose key in the Data-Purpose header.",
        "请在 Data-Purpose 请求头中写明一个处理目的。",
    ),
    Reason.PURPOSE_UNKNOWN: _caller(
        403,
        "This purpose is not declared",
        "该处理目的未经声明",
        "Use one of the purposes that /-/me lists, or ask for the purpose to be declared.",
        "请使用 /-/me 列出的处理目的，或申请声明该目的。",
    ),
    Reason.PURPOSE_NOT_IN_SCOPE: _grant(
        403,
        "The bearer is not for this purpose",
        "令牌不适用于该处理目的",
        "Get a bearer for this purpose; /-/me lists those that this account may have.",
        "请获取适用于该目的的令牌；/-/me 列出此账号可用的目的。",
    ),
    Reason.PURPOSE_NOT_IN_FORCE: Problem(
        403,
        "The purpose is not in force now",
        "该处理目的目前未生效",
        "Ask the owner of the purpose whether it is to be renewed.",
        "请向该目的的负责人确认是否续期。",
        Retry.WITH_APPROVAL,
        Who.OWNER,
    ),
    Reason.PURPOSE_NOT_ALLOWED: _grant(
        403,
        "This purpose does not cover the dataset or the operation",
        "该处理目的不涵盖此数据集或操作",
        "State the purpose that the data is really needed for, or ask the owner of the purpose to extend it.",
        "请写明真实需要数据的目的，或请该目的的负责人扩大其范围。",
    ),
    Reason.REFERENCE_MISSING: _caller(
        400,
        "This purpose needs a campaign or case",
        "该处理目的需要注明活动或案件编号",
        "Put its reference in the Data-Reference header.",
        "请在 Data-Reference 请求头中写明编号。",
    ),
    Reason.NO_SUCH_ROUTE: _caller(
        404,
        "There is no such store or route",
        "没有这样的数据源或接口",
        "Only declared routes exist here. The store's owner knows them.",
        "只有已声明的接口可用，可向数据源负责人了解。",
    ),
    Reason.NOT_FOUND: _caller(
        404,
        "There is no such record for this call",
        "对此请求没有这样的记录",
        "Nothing can be done by repeating the call.",
        "重复请求不会改变结果。",
    ),
    Reason.GRANT_MISSING: _grant(
        403,
        "No grant covers this call",
        "没有授权涵盖此请求",
        "Ask for one with POST /-/me/grant-requests; the owner of the dataset decides.",
        "请通过 POST /-/me/grant-requests 申请授权，由数据集负责人决定。",
    ),
    Reason.GRANT_REQUESTS_WAITING: Problem(
        429,
        "Too many of your requests for grants wait for a decision",
        "您有过多授权申请尚待处理",
        "Wait until the owner has decided on one; GET /-/me/grant-requests tells their state.",
        "请等待负责人处理其中一项申请；可通过 GET /-/me/grant-requests 查询状态。",
        Retry.WITH_APPROVAL,
        Who.OWNER,
    ),
    Reason.RED_LINE: Problem(
        403,
        "A red line forbids this, whoever asks",
        "红线规则禁止此请求，任何人都不例外",
        "No grant or consent changes this. Do without these fields.",
        "任何授权或同意都不能改变这一点。请不要使用这些字段。",
        Retry.NEVER,
        Who.OFFICER,
    ),
    Reason.FIELD_NOT_PERMITTED: _grant(
        403,
        "A field that the call names may not leave, or not be written, for this purpose",
        "请求指定的字段不得为该目的提供或写入",
        "Leave the named fields out, or ask the owner of the dataset for a grant.",
        "请去掉所指出的字段，或向数据集负责人申请授权。",
    ),
    Reason.FILTER_NOT_PERMITTED: _grant(
        403,
        "Rows may not be chosen by this field",
        "不得按此字段筛选",
        "Filtering by a field reads it. Leave the filter out, or ask the owner of the dataset for a grant.",
        "按字段筛选等同于读取该字段。请去掉此筛选，或向数据集负责人申请授权。",
    ),
    Reason.SORT_NOT_PERMITTED: _grant(
        403,
        "Rows may not be sorted by this field",
        "不得按此字段排序",
        "Sorting by a field reads it. Leave the sort out, or ask the owner of the dataset for a grant.",
        "按字段排序等同于读取该字段。请去掉此排序，或向数据集负责人申请授权。",
    ),
    Reason.SURROGATE_NOT_RECOGNISED: _caller(
        403,
        "The surrogate was not made for this caller and purpose",
        "该虚拟标识不是为此调用方和目的生成的",
        "Use surrogates only with the client and the purpose that received them.",
        "请只在获得虚拟标识的客户端和目的下使用它。",
    ),
    Reason.RECIPIENT_NOT_IN_FORCE: Problem(
        403,
        "Nothing may be given to this recipient now",
        "目前不得向该接收方提供任何数据",
        "Ask the privacy officer about the contract or the transfer mechanism.",
        "请向隐私官了解合同或跨境传输机制的情况。",
        Retry.WITH_APPROVAL,
        Who.OFFICER,
    ),
    Reason.MANDATE_NEEDED: Problem(
        403,
        "A service needs a mandate for this",
        "服务账号执行此操作须持有授权书",
        "Ask for a mandate (`gateway mandate request`) and name it in Data-Mandate once two people approved it.",
        "请申请授权书（gateway mandate request），经两人批准后在 Data-Mandate 请求头中写明。",
        Retry.WITH_APPROVAL,
        Who.OFFICER,
    ),
    Reason.MANDATE_NOT_IN_FORCE: Problem(
        403,
        "The mandate is not in force for this call",
        "该授权书对此请求无效",
        "Name a mandate that two people approved for this client, purpose, recipient and reference, and that has neither ended nor been revoked.",
        "请写明经两人批准、适用于该客户端、目的、接收方与编号，且未到期、未撤销的授权书。",
        Retry.WITH_APPROVAL,
        Who.OFFICER,
    ),
    Reason.MANDATE_SPENT: Problem(
        403,
        "The mandate has no room for all of these people",
        "该授权书的剩余人数不足",
        "Name fewer people, or ask for a new mandate (`gateway mandate request`): its people are counted over its whole life, and waiting brings none back.",
        "请减少人数，或另行申请授权书（gateway mandate request）：人数按授权书的整个有效期累计，等待不会恢复。",
        Retry.WITH_APPROVAL,
        Who.OFFICER,
    ),
    Reason.HELD: Problem(
        403,
        "A hold is on this account",
        "该账号已被暂停",
        "Ask the privacy officer; the decision number is what they need.",
        "请联系隐私官，并提供决定编号。",
        Retry.WITH_APPROVAL,
        Who.OFFICER,
    ),
    Reason.APPROVAL_REQUIRED: Problem(
        403,
        "Somebody else has to approve this first",
        "此操作须先经另一人批准",
        "Ask somebody who may approve for it, by the identifier that is told, and repeat the same call within eight hours.",
        "请凭所示编号向有批准权限的人申请，并在八小时内重发相同的请求。",
        Retry.WITH_APPROVAL,
        Who.OFFICER,
    ),
    Reason.STORE_UNREACHABLE: _later(
        502,
        "The store cannot be reached",
        "无法连接数据源",
        "Try again later; if it lasts, tell the operator.",
        "请稍后再试；如持续出现，请通知运维人员。",
    ),
    Reason.STORE_TIMEOUT: _later(
        504,
        "The store did not answer in time",
        "数据源未能及时响应",
        "Ask for fewer rows, or try again later.",
        "请减少请求的行数，或稍后再试。",
    ),
    Reason.STORE_ANSWER_INVALID: _later(
        502,
        "The store's answer is not as declared",
        "数据源的响应与声明不符",
        "Tell the operator; the decision number finds the call in the log.",
        "请通知运维人员；可凭决定编号在日志中找到此请求。",
    ),
    Reason.LOG_UNAVAILABLE: _later(
        503,
        "Nothing may leave now because nothing can be logged",
        "目前无法写入日志，因此不提供任何数据",
        "Try again later.",
        "请稍后再试。",
    ),
    Reason.OVERLOADED: _later(
        503,
        "The gateway is busy",
        "网关繁忙",
        "Try again after the time in the Retry-After header.",
        "请在 Retry-After 响应头所示时间之后再试。",
    ),
    Reason.GATEWAY_FAILED: _later(
        500,
        "The gateway failed, and nothing was released",
        "网关发生错误，未提供任何数据",
        "Tell the operator; the decision number finds the call in the log.",
        "请通知运维人员；可凭决定编号在日志中找到此请求。",
    ),
}


def status_of(reason: Reason) -> int:
    """Return the HTTP status of a reason."""
    return PROBLEMS[reason].status
